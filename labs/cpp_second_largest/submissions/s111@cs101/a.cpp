#include <iostream>
using namespace std;

int main() {
    int n;
    cin >> n;
    int t[100];
    for (int i = 1; i <= n; i++) {
        cin >> t[i];
    }
    for (int i = 1; i <= n; i++) {
        for (int j = 1; j < n; j++) {
            if (t[j] > t[j + 1]) {
                int z = t[j];
                t[j] = t[j + 1];
                t[j + 1] = z;
            }
        }
    }
    cout << t[n - 1] << endl;
    return 0;
}
