#include <iostream>
#include <climits>

// Finds the biggest number under the border.
int biggestUnder(const int numbers[], int size, long border) {
    int answer = INT_MIN;
    for (int i = 0; i < size; ++i) {
        if (numbers[i] < border && numbers[i] > answer) {
            answer = numbers[i];
        }
    }
    return answer;
}

int main() {
    int numbers[100];
    int size = 0;
    std::cin >> size;
    for (int i = 0; i < size; ++i) {
        std::cin >> numbers[i];
    }
    int biggest = biggestUnder(numbers, size, LONG_MAX);
    int next = biggestUnder(numbers, size, biggest);
    if (next == INT_MIN) {
        std::cout << "none\n";
    } else {
        std::cout << next << "\n";
    }
    return 0;
}
