#include <iostream>
using namespace std;

// programa que encuentra el segundo número más grande
int main() {
    int cantidad, numero;
    int mayor = -1000001;
    int segundo = -1000001;
    cin >> cantidad;
    for (int i = 0; i < cantidad; i++) {
        cin >> numero;
        if (numero > mayor) {
            segundo = mayor; // el mayor pasa a ser el segundo
            mayor = numero;
        } else if (numero > segundo && numero != mayor) {
            segundo = numero;
        }
    }
    if (segundo == -1000001) {
        cout << "none" << endl;
    } else {
        cout << segundo << endl;
    }
    return 0;
}
