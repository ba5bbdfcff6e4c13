#include <iostream>
#include "list.h"

std::vector<int> readList() {
    int count = 0;
    std::cin >> count;
    std::vector<int> list(count);
    for (int& item : list) {
        std::cin >> item;
    }
    return list;
}

// Sets second and returns true where the list has two different values.
bool findSecond(const std::vector<int>& list, int& second) {
    if (list.empty()) {
        return false;
    }
    int largest = list[0];
    bool found = false;
    for (int item : list) {
        if (item > largest) {
            second = largest;
            largest = item;
            found = true;
        } else if (item < largest && (!found || item > second)) {
            second = item;
            found = true;
        }
    }
    return found;
}

int main() {
    int second = 0;
    if (findSecond(readList(), second)) {
        std::cout << second << std::endl;
    } else {
        std::cout << "none" << std::endl;
    }
    return 0;
}
