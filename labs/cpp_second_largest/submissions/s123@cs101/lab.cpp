#include <iostream>
using namespace std;

int getSecond(int arr[], int n) {
    int max = arr[0];
    int second;
    for (int i = 0; i < n; i++) {
        if (arr[i] > max) {
            second = max;
            max = arr[i];
        }
    }
    return second;
}

int main() {
    int n, unused;
    int arr[100];
    cin >> n;
    for (int i = 0; i < n; i++)
        cin >> arr[i];
    cout << getSecond(arr, n) << endl;
}
