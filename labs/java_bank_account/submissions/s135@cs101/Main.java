import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner scanner = new Scanner(System.in);
        int balance = 0;
        while (true) {
            String command = scanner.next();
            if (command.equals("deposit")) {
                int amount = scanner.nextInt();
                if (amount > 0)
                    balance += amount;
                else
                    System.out.println("refused");
            }
            else if (command.equals("withdraw")) {
                int amount = scanner.nextInt();
                if (amount > 0 && amount <= balance)
                    balance -= amount;
                else
                    System.out.println("refused");
            }
            else if (command.equals("show"))
                System.out.println(balance);
            else
                return;
        }
    }
}