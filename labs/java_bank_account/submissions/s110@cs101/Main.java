import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner input = new Scanner(System.in);
        int balance = 0;
        for (int i = 0; i < 3; i++) {
            String command = input.next();
            if (command.equals("deposit")) {
                int amount = input.nextInt();
                balance += amount;
            } else if (command.equals("withdraw")) {
                int amount = input.nextInt();
                balance -= amount;
            } else {
                System.out.println(balance);
            }
        }
    }
}
