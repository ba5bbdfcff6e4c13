import java.util.Scanner;

class Account {
    public int balance = 0;

    public void deposit(int amount) {
        balance += amount;
    }

    public void withdraw(int amount) {
        if (balance < amount) {
            System.out.println("refused");
        } else {
            balance -= amount;
        }
    }
}

public class Main {
    public static void main(String[] args) {
        Scanner scanner = new Scanner(System.in);
        Account account = new Account();
        String command = scanner.next();
        while (!command.equals("end")) {
            if (command.equals("deposit")) {
                account.deposit(scanner.nextInt());
            } else if (command.equals("withdraw")) {
                account.withdraw(scanner.nextInt());
            } else {
                System.out.println(account.balance);
            }
            command = scanner.next();
        }
    }
}
