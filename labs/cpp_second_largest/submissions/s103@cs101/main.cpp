#include <iostream>
using namespace std;

int main() {
    int n, x;
    int largest = 0;
    int second = 0;
    cin >> n;
    for (int i = 0; i < n; i++) {
        cin >> x;
        if (x > largest) {
            second = largest;
            largest = x;
        } else if (x > second) {
            second = x;
        }
    }
    cout << second << endl;
}
