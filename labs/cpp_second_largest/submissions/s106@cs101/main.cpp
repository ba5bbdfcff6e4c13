#include <iostream>
using namespace std;

int main() {
    int count
    cin >> count;
    int largest = -1000001, second = -1000001;
    for (int i = 0; i < count; i++) {
        int value;
        cin >> value;
        if (value > largest) {
            second = largest;
            largest = value;
        } else if (value > second && value < largest) {
            second = value;
        }
    }
    if (second == -1000001)
        cout << "none" << endl;
    else
        cout << second << endl;
    return 0;
}
