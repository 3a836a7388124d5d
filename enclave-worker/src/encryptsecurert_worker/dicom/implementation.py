"""How our files name the program that wrote them (PS3.10 section 7.1): one name for all."""

# 2.25. and the first 16 octets of SHA-256("EncryptSecureRT/implementation").
IMPLEMENTATION_CLASS_UID = "2.25.86681476683314477966119502572101298504"
IMPLEMENTATION_VERSION_NAME = "ENCRYPTSECURERT"
