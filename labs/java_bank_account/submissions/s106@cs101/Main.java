import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner scanner = new Scanner(System.in);
        int balance = 0
        while (scanner.hasNext()) {
            String word = scanner.next();
            if (word.equals("end")) break;
            if (word.equals("show")) System.out.println(balance);
            if (word.equals("deposit")) balance += scanner.nextInt();
            if (word.equals("withdraw")) {
                int amount = scanner.nextInt();
                if (amount <= balance) balance -= amount;
                else System.out.println("refused");
            }
        }
    }
}
