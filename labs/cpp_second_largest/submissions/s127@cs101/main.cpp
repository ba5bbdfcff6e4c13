#include <iostream>
#include <string>
#include <vector>
using namespace std;

struct Best {
    int value = 0;
    bool known = false;

    void offer(int candidate) {
        if (!known || candidate > value) {
            value = candidate;
            known = true;
        }
    }
};

string toText(const Best& best) {
    return best.known ? to_string(best.value) : "none";
}

Best best(const vector<int>& numbers) {
    Best result;
    for (int number : numbers) {
        result.offer(number);
    }
    return result;
}

int main() {
    int count = 0;
    cin >> count;
    vector<int> numbers(count);
    for (int& number : numbers) {
        cin >> number;
    }
    Best first = best(numbers);
    Best second;
    for (int number : numbers) {
        if (number != first.value) {
            second.offer(number);
        }
    }
    cout << toText(second) << endl;
    return 0;
}
