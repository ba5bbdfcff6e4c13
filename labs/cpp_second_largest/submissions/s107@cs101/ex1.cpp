#include <iostream>
using namespace std;

int main() {
    int howMany;
    cout << "How many numbers? ";
    cin >> howMany;
    int biggest = -2000000;
    int next = -2000000;
    for (int i = 0; i < howMany; i++) {
        int number;
        cout << "Enter a number: ";
        cin >> number;
        if (number > biggest) {
            next = biggest;
            biggest = number;
        } else if (number < biggest && number > next) {
            next = number;
        }
    }
    cout << "The second largest number is: ";
    if (next == -2000000) {
        cout << "none" << endl;
    } else {
        cout << next << endl;
    }
    return 0;
}
