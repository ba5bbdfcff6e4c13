import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner scanner = new Scanner(System.in);
        Integer balance = 0;
        String command = scanner.next();
        while (!command.equals("end")) {
            if (command.equals("deposit")) {
                deposit(balance, scanner.nextInt());
            } else if (command.equals("withdraw")) {
                withdraw(balance, scanner.nextInt());
            } else {
                System.out.println(balance);
            }
            command = scanner.next();
        }
    }

    static void deposit(Integer balance, int amount) {
        balance += amount;
    }

    static void withdraw(Integer balance, int amount) {
        balance -= amount;
    }
}
