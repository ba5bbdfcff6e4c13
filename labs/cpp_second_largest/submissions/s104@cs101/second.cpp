#include <iostream>
#include <vector>
#include <climits>
using namespace std;

// returns the maximum of the vector, INT_MIN if it is empty
int maximum(const vector<int>& numbers) {
    int best = INT_MIN;
    for (int number : numbers) {
        if (number > best) {
            best = number;
        }
    }
    return best;
}

// copies all the numbers that are smaller than the limit
vector<int> smallerThan(const vector<int>& numbers, int limit) {
    vector<int> result;
    for (int number : numbers) {
        if (number < limit) {
            result.push_back(number);
        }
    }
    return result;
}

int main() {
    int count;
    cin >> count;
    vector<int> numbers(count);
    for (int& number : numbers) {
        cin >> number;
    }
    vector<int> rest = smallerThan(numbers, maximum(numbers));
    if (rest.empty()) {
        cout << "none" << endl;
    } else {
        cout << maximum(rest) << endl;
    }
    return 0;
}
