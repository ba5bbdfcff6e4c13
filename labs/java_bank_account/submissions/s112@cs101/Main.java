import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner input = new Scanner(System.in);
        Account account = new Account();
        while (input.hasNext()) {
            String command = input.next();
            if (command.equals("end")) {
                break;
            } else if (command.equals("show")) {
                System.out.println(account.getBalance());
            } else if (command.equals("deposit")) {
                account.deposit(input.nextInt());
            } else if (command.equals("withdraw")) {
                account.withdraw(input.nextInt());
            }
        }
    }
}
