import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner input = new Scanner(System.in);
        Account account = new Account();
        while (input.hasNext()) {
            String command = input.next();
            if (command.equals("end")) {
                break;
            }
            execute(command, input, account);
        }
    }

    private static void execute(String command, Scanner input, Account account) {
        if (command.equals("show")) {
            System.out.println(account.getBalance());
            return;
        }
        long amount = input.nextLong();
        boolean accepted = command.equals("deposit") ? account.deposit(amount) : account.withdraw(amount);
        if (!accepted) {
            System.out.println("refused");
        }
    }
}
