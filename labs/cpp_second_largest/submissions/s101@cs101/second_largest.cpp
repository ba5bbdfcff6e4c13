// Second largest distinct value of a list.
#include <iostream>
#include <set>
#include <string>

std::set<int> readValues(std::istream& input) {
    int count = 0;
    input >> count;
    std::set<int> values;
    for (int i = 0; i < count; ++i) {
        int value = 0;
        input >> value;
        values.insert(value);
    }
    return values;
}

std::string describeSecondLargest(const std::set<int>& values) {
    if (values.size() < 2) {
        return "none";
    }
    return std::to_string(*std::next(values.rbegin()));
}

int main() {
    std::cout << describeSecondLargest(readValues(std::cin)) << '\n';
    return 0;
}
