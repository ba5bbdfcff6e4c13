import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        // TODO: read the commands and answer them
    }
}
