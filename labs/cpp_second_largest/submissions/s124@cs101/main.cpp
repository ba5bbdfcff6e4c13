#include <iostream>
#include <queue>
using namespace std;

int main() {
    priority_queue<int> heap;
    int count = 0;
    int value = 0;
    cin >> count;
    while (count > 0) {
        cin >> value;
        heap.push(value);
        count--;
    }
    int top = heap.top();
    while (!heap.empty() && heap.top() == top) {
        heap.pop();
    }
    if (heap.empty()) {
        cout << "none" << endl;
    } else {
        cout << heap.top() << endl;
    }
    return 0;
}