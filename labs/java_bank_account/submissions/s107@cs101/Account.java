import java.util.Scanner;

public class Account {
    int balance;

    void deposit(int amount) {
        if (amount > 0) {
            balance = balance + amount;
        } else {
            System.out.println("refused");
        }
    }

    void withdraw(int amount) {
        if (amount > 0 && amount < balance) {
            balance = balance - amount;
        } else {
            System.out.println("refused");
        }
    }

    void show() {
        System.out.println(balance);
    }

    public static void main(String[] args) {
        Scanner scanner = new Scanner(System.in);
        Account account = new Account();
        while (scanner.hasNext()) {
            String command = scanner.next();
            if (command.equals("deposit")) {
                account.deposit(scanner.nextInt());
            } else if (command.equals("withdraw")) {
                account.withdraw(scanner.nextInt());
            } else if (command.equals("show")) {
                account.show();
            } else {
                break;
            }
        }
    }
}
