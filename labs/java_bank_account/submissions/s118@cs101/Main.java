import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner scanner = new Scanner(System.in);
        double balance = 0;
        String command = "";
        while (!command.equals("end")) {
            command = scanner.next();
            if (command.equals("deposit")) {
                double amount = scanner.nextDouble();
                balance = balance + amount;
                System.out.println("You deposited " + amount);
            }
            if (command.equals("withdraw")) {
                double amount = scanner.nextDouble();
                if (balance >= amount) {
                    balance = balance - amount;
                    System.out.println("You withdrew " + amount);
                } else {
                    System.out.println("Sorry, not enough money!");
                }
            }
            if (command.equals("show")) {
                System.out.println("Your balance is " + balance);
            }
        }
    }
}
