import java.util.Scanner;

public class Bank {
    int balance;

    public void main(String args) {
        Scanner scanner = new Scanner(System.in);
        String command = scanner.next();
        while (!command.equals("end")) {
            if (command.equals("deposit")) balance += scanner.nextInt();
            if (command.equals("withdraw")) balance -= scanner.nextInt();
            if (command.equals("show")) System.out.println(balance);
        }
    }
}
