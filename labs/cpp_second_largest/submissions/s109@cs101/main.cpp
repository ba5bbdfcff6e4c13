#include <iostream>
using namespace std;

int main() {
    // TODO: read n and the n integers
    // TODO: print the second largest distinct value, or none
    return 0;
}
