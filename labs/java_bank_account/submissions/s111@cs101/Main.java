import java.util.*;
public class Main {
static int b = 0;
static void d(int a) { if (a <= 0) System.out.println("refused"); else b += a; }
static void w(int a) { if (a <= 0 || a > b) System.out.println("refused"); else b -= a; }
public static void main(String[] x) {
Scanner s = new Scanner(System.in);
while (s.hasNext()) {
String c = s.next();
if (c.equals("end")) return;
if (c.equals("deposit")) d(s.nextInt());
if (c.equals("withdraw")) w(s.nextInt());
if (c.equals("show")) System.out.println(b);
}
}
}
