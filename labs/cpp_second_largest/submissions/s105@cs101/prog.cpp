#include <iostream>
using namespace std;
int main(){
int a[100],n,i,m,s;
cin>>n;
for(i=0;i<n;i++) cin>>a[i];
m=a[0]; s=a[0];
for(i=0;i<n;i++) if(a[i]>m){ s=m; m=a[i]; }
cout<<s<<endl;
return 0; }
