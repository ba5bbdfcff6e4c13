import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner scanner = new Scanner(System.in);
        int balance = 0;
        String command = scanner.nextLine();
        while (!command.equals("end")) {
            String[] parts = command.split(" ");
            int amount = Integer.parseInt(parts[1]);
            if (parts[0].equals("deposit")) {
                balance += amount;
            } else if (parts[0].equals("withdraw")) {
                if (balance >= amount) {
                    balance -= amount;
                } else {
                    System.out.println("refused");
                }
            } else {
                System.out.println(balance);
            }
            command = scanner.nextLine();
        }
    }
}
