#include <iostream>
using namespace std;

// finds the second largest and prints it
void solve() {
    int n;
    cin >> n;
    int largest = 0;
    int second = 0;
    int number;
    for (int i = 0; i < n; i++) {
        cin >> number;
        if (number >= largest) {
            second = largest;
            largest = number;
        } else if (number > second) {
            second = number;
        }
    }
    if (second == 0) {
        cout << "none" << endl;
    } else {
        cout << second << endl;
    }
}

int main() {
    solve();
    return 0;
}
