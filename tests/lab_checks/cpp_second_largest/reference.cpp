#include <iostream>
#include <set>

int main()
{
    int count = 0;
    std::cin >> count;
    std::set<int> values;
    for (int value; count > 0 && std::cin >> value; count--)
        values.insert(value);
    if (values.size() < 2)
        std::cout << "none\n";
    else
        std::cout << *++values.rbegin() << '\n';
    return 0;
}
