#include <iostream>
#include <vector>
using namespace std;

void bubbleSort(vector<int> &v) {
    for (size_t i = 0; i < v.size(); i++)
        for (size_t j = 0; j + 1 < v.size(); j++)
            if (v[j] < v[j + 1])
                swap(v[j], v[j + 1]);
}

int main() {
    int count;
    cin >> count;
    vector<int> values(count);
    for (int i = 0; i < count; i++)
        cin >> values[i];
    bubbleSort(values);
    // skip all copies of the largest one
    for (int i = 1; i < count; i++) {
        if (values[i] != values[0]) {
            cout << values[i] << endl;
            return 0;
        }
    }
    cout << "none" << endl;
    return 0;
}
