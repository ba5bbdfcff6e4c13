#include <iostream>
#include <vector>
using namespace std;

int main() {
    int amount;
    cin >> amount;
    vector<int> numbers(amount);
    for (int i = 0; i <= amount; i++) {
        cin >> numbers.at(i);
    }
    int largest = numbers[0];
    int second = numbers[1];
    for (int i = 1; i < amount; i++) {
        if (numbers[i] > largest) {
            second = largest;
            largest = numbers[i];
        } else if (numbers[i] > second) {
            second = numbers[i];
        }
    }
    cout << second << endl;
    return 0;
}
