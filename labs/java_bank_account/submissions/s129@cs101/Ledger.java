import java.util.Scanner;

public class Ledger {
    private long total;

    private boolean apply(String command, long amount) {
        if (amount <= 0) return false;
        long change = command.equals("deposit") ? amount : -amount;
        if (total + change < 0) return false;
        total += change;
        return true;
    }

    private void run(Scanner input) {
        String command;
        while (input.hasNext() && !(command = input.next()).equals("end")) {
            if (command.equals("show")) {
                System.out.println(total);
            } else if (!apply(command, input.nextLong())) {
                System.out.println("refused");
            }
        }
    }

    public static void main(String[] args) {
        new Ledger().run(new Scanner(System.in));
    }
}
