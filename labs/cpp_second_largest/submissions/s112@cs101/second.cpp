#include <iostream>
#include <vector>
#include <algorithm>
using namespace std;

int main() {
    int n;
    cin >> n;
    vector<int> values;
    for (int i = 0; i < n; i++) {
        int value;
        cin >> value;
        values.push_back(value);
    }
    sort(values.begin(), values.end());
    values.erase(unique(values.begin(), values.end()), values.end());
    if (values.size() >= 2) {
        cout << values[values.size() - 2] << endl;
    } else {
        cout << "none" << endl;
    }
    return 0;
}
