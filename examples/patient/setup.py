from setuptools import Extension, setup

setup(ext_modules=[Extension("myapp.myextension", ["src/myapp/myextension.c"])])
