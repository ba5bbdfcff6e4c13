import java.util.Scanner;

public class Bank {
    public static void main(String[] args) {
        Scanner scanner = new Scanner(System.in);
        int balance = 0;
        String command = scanner.next();
        while (!command.equals("end")) {
            if (command.equals("deposit")) {
                balance += scanner.nextInt();
            } else if (command.equals("withdraw")) {
                int amount = scanner.nextInt();
                if (amount > balance) {
                    System.out.println("refused");
                } else {
                    balance -= amount;
                }
            } else if (command.equals("show")) {
                System.out.println(balance);
            }
            command = scanner.next();
        }
    }
}
