#include <iostream>
using namespace std;

int main() {
    int n, x, s = 0, m = 0;
    cin >> n;
    for (int i = 0; i < n; i++) {
        cin >> x;
        s += x;
        if (x > m) m = x;
    }
    cout << s - m << endl;
    return 0;
}
