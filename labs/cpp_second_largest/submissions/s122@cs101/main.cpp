#include <iostream>
#include <vector>
using namespace std;

int main() {
    int n;
    cin >> n;
    vector<int> data;
    for (int i = 0; i < n; i++) {
        int value;
        cin >> value;
        data.push_back(value);
    }
    int first = data[0];
    for (int i = 0; i < data.size(); i++) {
        if (data[i] > first) first = data[i];
    }
    int second = -1000000;
    bool found = false;
    for (int i = 0; i < data.size(); i++) {
        if (data[i] != first && data[i] >= second) {
            second = data[i];
            found = true;
        }
    }
    if (found) cout << second << endl;
    else cout << "none" << endl;
    return 0;
}
