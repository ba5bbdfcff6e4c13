#include <iostream>
#include <climits>

// Looks for the largest value below the limit.
int largestBelow(const int values[], int count, long limit) {
    int best = INT_MIN;
    for (int i = 0; i < count; ++i) {
        if (values[i] < limit && values[i] > best) {
            best = values[i];
        }
    }
    return best;
}

int main() {
    int values[100];
    int count = 0;
    std::cin >> count;
    for (int i = 0; i < count; ++i) {
        std::cin >> values[i];
    }
    int largest = largestBelow(values, count, LONG_MAX);
    int second = largestBelow(values, count, largest);
    if (second == INT_MIN) {
        std::cout << "none\n";
    } else {
        std::cout << second << "\n";
    }
    return 0;
}
