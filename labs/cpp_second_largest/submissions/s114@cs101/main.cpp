using namespace std;

int secondLargest(int list[], int size) {
    int top = list[0];
    int second = -9999999;
    for (int i = 1; i < size; i++) {
        if (list[i] > top) {
            second = top;
            top = list[i];
        } else if (list[i] > second && list[i] != top) {
            second = list[i];
        }
    }
    return second;
}

int main() {
    int size;
    int list[100];
    cin >> size;
    for (int i = 0; i < size; i++) {
        cin >> list[i];
    }
    int answer = secondLargest(list, size);
    if (answer == -9999999) cout << "none" << endl;
    else cout << answer << endl;
    return 0;
}
