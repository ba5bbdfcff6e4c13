public class Main {
    public static void main(String[] args) {
        Scanner keyboard = new Scanner(System.in);
        int total = 0;
        while (keyboard.hasNext()) {
            String action = keyboard.next();
            if (action.equals("end")) {
                break;
            }
            if (action.equals("show")) {
                System.out.println(total);
                continue;
            }
            int amount = keyboard.nextInt();
            if (action.equals("withdraw")) {
                amount = -amount;
            }
            if (total + amount < 0) {
                System.out.println("refused");
            } else {
                total += amount;
            }
        }
    }
}
