import java.util.ArrayList;
import java.util.List;
import java.util.Scanner;

class Account {
    private final List<Integer> movements = new ArrayList<>();

    int balance() {
        int sum = 0;
        for (int movement : movements) {
            sum += movement;
        }
        return sum;
    }

    boolean deposit(int amount) {
        return amount > 0 && movements.add(amount);
    }

    boolean withdraw(int amount) {
        return amount > 0 && amount <= balance() && movements.add(-amount);
    }
}

public class Main {
    public static void main(String[] args) {
        Scanner scanner = new Scanner(System.in);
        Account account = new Account();
        while (scanner.hasNext()) {
            String command = scanner.next();
            boolean accepted = true;
            if (command.equals("end")) {
                break;
            } else if (command.equals("deposit")) {
                accepted = account.deposit(scanner.nextInt());
            } else if (command.equals("withdraw")) {
                accepted = account.withdraw(scanner.nextInt());
            } else {
                System.out.println(account.balance());
            }
            if (!accepted) {
                System.out.println("refused");
            }
        }
    }
}
