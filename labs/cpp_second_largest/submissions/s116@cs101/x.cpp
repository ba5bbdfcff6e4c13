#include <iostream>
#include <map>
using namespace std;
int main() {
  int n, v; map<int,int> m;
	cin >> n;
	while (n--) { cin >> v; m[v]++; }
  if (m.size() < 2) { cout << "none" << endl; return 0; }
	auto p = m.end(); p--; p--;
  cout << p->first << endl;
}
