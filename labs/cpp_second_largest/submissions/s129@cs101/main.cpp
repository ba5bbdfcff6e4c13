#include <iostream>
using namespace std;

int main() {
    int size;
    int numbers[100];
    int copies[100];
    int copyCount = 0;
    cin >> size;

    // read all the numbers
    for (int i = 0; i < size; i++) {
        cin >> numbers[i];
    }

    // keep only numbers that were not seen before
    for (int i = 0; i < size; i++) {
        bool seen = false;
        for (int j = 0; j < copyCount; j++) {
            if (copies[j] == numbers[i]) {
                seen = true;
            }
        }
        if (!seen) {
            copies[copyCount] = numbers[i];
            copyCount++;
        }
    }

    // sort them
    for (int i = 0; i < copyCount; i++) {
        for (int j = i + 1; j < copyCount; j++) {
            if (copies[i] < copies[j]) {
                int helper = copies[i];
                copies[i] = copies[j];
                copies[j] = helper;
            }
        }
    }

    // print the result
    if (copyCount < 2) {
        cout << "none" << endl;
    } else {
        cout << copies[1] << endl;
    }
    return 0;
}
