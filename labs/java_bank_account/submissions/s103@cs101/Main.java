import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner sc = new Scanner(System.in);
        int balance = 0;
        while (true) {
            System.out.println("Enter a command:");
            String c = sc.next();
            if (c == "end") {
                break;
            }
            if (c == "deposit") {
                int x = sc.nextInt();
                balance = balance + x;
            }
            if (c == "withdraw") {
                int x = sc.nextInt();
                balance = balance - x;
            }
            if (c == "show") {
                System.out.println(balance);
            }
        }
    }
}
