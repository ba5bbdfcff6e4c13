import java.util.Scanner;

public class Bank {
    private static final String REFUSED = "refused";

    private static final class Account {
        private int cents;

        boolean add(int amount) {
            boolean allowed = amount > 0;
            cents += allowed ? amount : 0;
            return allowed;
        }

        boolean take(int amount) {
            boolean allowed = amount > 0 && amount <= cents;
            cents -= allowed ? amount : 0;
            return allowed;
        }
    }

    private final Account account = new Account();

    /** Answers a line, null where there is nothing to print. */
    private String answer(String[] words) {
        if (words[0].equals("show")) {
            return Integer.toString(account.cents);
        }
        int amount = Integer.parseInt(words[1]);
        boolean done = words[0].equals("deposit") ? account.add(amount) : account.take(amount);
        return done ? null : REFUSED;
    }

    public static void main(String[] args) {
        Bank bank = new Bank();
        Scanner input = new Scanner(System.in);
        while (input.hasNextLine()) {
            String line = input.nextLine().trim();
            if (line.equals("end")) {
                return;
            }
            String text = bank.answer(line.split(" +"));
            if (text != null) {
                System.out.println(text);
            }
        }
    }
}
