import java.util.Scanner;

public class Main {
	public static void main(String[] args) {
		Scanner scanner = new Scanner(System.in);
		int money = 0;
		while (scanner.hasNextLine()) {
			String line = scanner.nextLine();
			if (line.startsWith("end")) {
				break;
			}
			if (line.startsWith("deposit")) {
				int amount = Integer.parseInt(line.substring(8));
				if (amount > 0) {
					money += amount;
				} else {
					System.out.println("refused");
				}
			}
			if (line.startsWith("withdraw")) {
				int amount = Integer.parseInt(line.substring(9));
				if (amount > 0 && money - amount >= 0) {
					money -= amount;
				} else {
					System.out.println("refused");
				}
			}
			if (line.startsWith("show")) {
				System.out.println(money);
			}
		}
	}
}
