import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;

public class Main {
    public static void main(String[] args) throws IOException {
        BufferedReader reader = new BufferedReader(new InputStreamReader(System.in));
        Konto konto = new Konto();
        String zeile;
        while ((zeile = reader.readLine()) != null && !zeile.equals("end")) {
            String[] teile = zeile.split(" ");
            switch (teile[0]) {
                case "deposit" -> konto.einzahlen(Integer.parseInt(teile[1]));
                case "withdraw" -> konto.abheben(Integer.parseInt(teile[1]));
                default -> System.out.println(konto.stand());
            }
        }
    }
}

// Ein Konto, das nie überzogen wird
class Konto {
    private int stand = 0;

    void einzahlen(int betrag) {
        if (betrag <= 0) {
            System.out.println("refused");
            return;
        }
        stand += betrag;
    }

    // gibt "refused" aus, wenn das Geld nicht reicht
    void abheben(int betrag) {
        if (betrag <= 0 || betrag > stand) {
            System.out.println("refused");
            return;
        }
        stand -= betrag;
    }

    int stand() {
        return stand;
    }
}
