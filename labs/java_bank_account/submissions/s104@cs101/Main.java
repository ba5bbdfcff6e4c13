import java.util.Scanner;

class BankAccount {
    private int balance;

    BankAccount(int start) {
        balance = start;
    }

    int balance() {
        return balance;
    }

    boolean change(int amount) {
        if (balance + amount < 0) {
            return false;
        }
        balance += amount;
        return true;
    }
}

public class Main {
    static void refuse() {
        System.out.println("refused");
    }

    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        BankAccount account = new BankAccount(0);
        while (in.hasNext()) {
            switch (in.next()) {
                case "deposit":
                    int plus = in.nextInt();
                    if (plus <= 0 || !account.change(plus)) refuse();
                    break;
                case "withdraw":
                    int minus = in.nextInt();
                    if (minus <= 0 || !account.change(-minus)) refuse();
                    break;
                case "show":
                    System.out.println(account.balance());
                    break;
                case "end":
                    return;
            }
        }
    }
}