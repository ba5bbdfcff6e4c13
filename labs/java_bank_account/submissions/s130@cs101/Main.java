import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner s = new Scanner(System.in);
        String c = s.next();
        int a = s.nextInt();
        System.out.println(a);
    }
}
