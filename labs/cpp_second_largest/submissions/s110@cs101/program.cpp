#include <iostream>
#include <climits>
using namespace std;

bool isBetter(long candidate, long second, long largest) {
    return candidate > second && candidate < largest;
}

long readLong() {
    long value = 0;
    cin >> value;
    return value;
}

void printAnswer(long second) {
    if (second == LONG_MIN) {
        cout << "none\n";
    } else {
        cout << second << "\n";
    }
}

int main() {
    long count = readLong();
    long largest = LONG_MIN;
    long second = LONG_MIN;
    while (count-- > 0) {
        long value = readLong();
        if (value > largest) {
            second = largest;
            largest = value;
        } else if (isBetter(value, second, largest)) {
            second = value;
        }
    }
    printAnswer(second);
}