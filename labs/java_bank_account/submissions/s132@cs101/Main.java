import java.util.Scanner;

public class Main {

    public static class Account {
        private int balance;

        public void deposit(int amount) {
            if (amount < 0) {
                System.out.println("refused");
            }
            balance += amount;
        }

        public void withdraw(int amount) {
            if (amount < 0 || amount > balance) {
                System.out.println("refused");
            } else {
                balance -= amount;
            }
        }

        public int getBalance() {
            return balance;
        }
    }

    public static void main(String[] args) {
        Scanner scanner = new Scanner(System.in);
        Account account = new Account();
        while (scanner.hasNext()) {
            String command = scanner.next();
            if (command.equals("end")) {
                break;
            }
            if (command.equals("show")) {
                System.out.println(account.getBalance());
            }
            if (command.equals("deposit")) {
                account.deposit(scanner.nextInt());
            }
            if (command.equals("withdraw")) {
                account.withdraw(scanner.nextInt());
            }
        }
    }
}
