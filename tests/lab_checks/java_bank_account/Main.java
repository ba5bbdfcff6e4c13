import java.util.Scanner;

class Account {
    private long balance;

    boolean deposit(long amount) {
        if (amount <= 0) {
            return false;
        }
        balance += amount;
        return true;
    }

    boolean withdraw(long amount) {
        if (amount <= 0 || amount > balance) {
            return false;
        }
        balance -= amount;
        return true;
    }

    long balance() {
        return balance;
    }
}

public class Main {
    public static void main(String[] arguments) {
        Account account = new Account();
        Scanner input = new Scanner(System.in);
        while (input.hasNext()) {
            String command = input.next();
            boolean done = true;
            switch (command) {
                case "deposit" -> done = account.deposit(input.nextLong());
                case "withdraw" -> done = account.withdraw(input.nextLong());
                case "show" -> System.out.println(account.balance());
                default -> {
                    return;
                }
            }
            if (!done) {
                System.out.println("refused");
            }
        }
    }
}
