/** A bank account whose balance is never negative. */
public class Account {
    private long balance = 0;

    public long getBalance() {
        return balance;
    }

    /** Returns false, and changes nothing, where the amount is not positive. */
    public boolean deposit(long amount) {
        if (amount <= 0) {
            return false;
        }
        balance += amount;
        return true;
    }

    /** Returns false, and changes nothing, where the amount is not positive or too large. */
    public boolean withdraw(long amount) {
        if (amount <= 0 || amount > balance) {
            return false;
        }
        balance -= amount;
        return true;
    }
}
